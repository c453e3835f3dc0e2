"""From the results of a run to what can be concluded from them. Runs without TensorFlow."""

from bench.analysis.analysis import Analysis, QuestionAnalysis, analyse

__all__ = ["Analysis", "QuestionAnalysis", "analyse"]
