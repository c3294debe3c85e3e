"""avgen_perceptual for ``evaluate``: how clips look and sound, and whether the two meet in time."""

from typing import Any

import datasets
import evaluate

import avgen_bench.metric_base as mb


class AvgenPerceptual(evaluate.Metric):  # type: ignore[misc]
    """The perceptual dimensions of avgen-bench; a configuration is ``default``, ``mini`` or one dimension."""

    def __init__(self, *args: Any, keep_in_memory: bool = False, num_process: int = 1, **kwargs: Any) -> None:
        # paths and ids are small, and a file in a cache that several processes share would be one more thing to lock
        super().__init__(*args, keep_in_memory=keep_in_memory or num_process == 1, num_process=num_process, **kwargs)

    def _info(self) -> evaluate.MetricInfo:
        mb.check_config("perceptual", self.config_name)
        return evaluate.MetricInfo(
            description=mb.description("perceptual"),
            citation=mb.CITATION,
            inputs_description=mb.inputs("perceptual"),
            features=datasets.Features(
                {"predictions": datasets.Value("string"), "references": datasets.Value("string")}
            ),
        )

    def add_batch(self, *, predictions: Any = None, references: Any = None, **kwargs: Any) -> Any:
        """Add clips, with a prompt for each, or without any."""
        paths = mb.encode_predictions(predictions)
        texts = mb.encode_references(references, len(paths))
        return super().add_batch(predictions=paths, references=texts, **kwargs)

    def add(self, *, prediction: Any, reference: Any = None, **kwargs: Any) -> Any:
        """Add one clip, with its prompt if it has one."""
        path, text = mb.encode_prediction(prediction), mb.encode_reference(reference)
        return super().add(prediction=path, reference=text, **kwargs)

    def _compute(self, predictions: Any, references: Any, **options: Any) -> dict[str, Any]:
        return mb.compute("perceptual", self.config_name, predictions, references, **options)
