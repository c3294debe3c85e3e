"""A Qwen2.5-Omni thinker of a quarter of a million random parameters, saved as a folder like any other model."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}"
    "{% for part in m['content'] %}"
    "{% if part['type'] == 'text' %}{{ part['text'] }}"
    "{% elif part['type'] == 'video' %}<|vision_bos|><|VIDEO|><|vision_eos|>"
    "{% elif part['type'] == 'audio' %}<|audio_bos|><|AUDIO|><|audio_eos|>"
    "{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
MARKS = {
    "image_token": "<|IMAGE|>",
    "audio_token": "<|AUDIO|>",
    "video_token": "<|VIDEO|>",
    "vision_bos_token": "<|vision_bos|>",
    "vision_eos_token": "<|vision_eos|>",
    "audio_bos_token": "<|audio_bos|>",
    "audio_eos_token": "<|audio_eos|>",
}
SENTENCE = 'The clip lasts 1.00 s. Question: Reply with one JSON object: {"answer": "yes"} or {"answer": "no"}.'


GEMMA_MARKS = {
    "image_token": "<|image|>",
    "boi_token": "<|image>",
    "eoi_token": "<image|>",
    "audio_token": "<|audio|>",
    "boa_token": "<|audio>",
    "eoa_token": "<audio|>",
}
GEMMA_TEMPLATE = (
    "<bos>{% for m in messages %}<|turn>{{ m['role'] }}\n"
    "{% for part in m['content'] %}"
    "{% if part['type'] == 'text' %}{{ part['text'] }}"
    "{% elif part['type'] == 'video' %}<|video|>"
    "{% elif part['type'] == 'audio' %}<|audio|>"
    "{% endif %}{% endfor %}<turn|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|turn>model\n{% endif %}"
)


def tokenizer(
    special: Sequence[str] = ("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
    marks: Mapping[str, str] = MARKS,
    **named: str,
) -> Any:
    tokenizers = importlib.import_module("tokenizers")
    transformers = importlib.import_module("transformers")
    plain = tokenizers.Tokenizer(tokenizers.models.BPE())
    plain.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=[*special, *marks.values()],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
    )
    plain.train_from_iterator([SENTENCE] * 4, trainer)
    named = named or {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=plain, extra_special_tokens=dict(marks), **named)


def processor(words: Any) -> Any:
    transformers = importlib.import_module("transformers")
    return transformers.Qwen2_5OmniProcessor(
        image_processor=transformers.Qwen2VLImageProcessor(),
        video_processor=transformers.Qwen2VLVideoProcessor(size={"shortest_edge": 56 * 56, "longest_edge": 112 * 112}),
        feature_extractor=transformers.WhisperFeatureExtractor(feature_size=128),
        tokenizer=words,
        chat_template=TEMPLATE,
    )


def save(folder: Path, seed: int = 0) -> Path:
    """The model's folder, just written; another seed is another model."""
    torch = importlib.import_module("torch")
    transformers = importlib.import_module("transformers")
    words = tokenizer()
    ids = {name: words.convert_tokens_to_ids(mark) for name, mark in MARKS.items()}
    numbers = {
        **{f"{kind}_token_id": ids[f"{kind}_token"] for kind in ("image", "audio", "video")},
        **{f"{kind}_token_index": ids[f"{kind}_token"] for kind in ("image", "audio", "video")},
        "vision_start_token_id": ids["vision_bos_token"],
        "vision_end_token_id": ids["vision_eos_token"],
        "audio_start_token_id": ids["audio_bos_token"],
        "audio_end_token_id": ids["audio_eos_token"],
    }
    config = transformers.Qwen2_5OmniThinkerConfig(
        audio_config={
            **{"d_model": 32, "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 64},
            **{"num_mel_bins": 128, "output_dim": 64, "n_window": 50, "max_source_positions": 1500},
        },
        vision_config={
            **{"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 64},
            **{"patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 2, "window_size": 112},
            **{"fullatt_block_indexes": [1]},
        },
        text_config={
            **{"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4},
            **{"num_key_value_heads": 2, "vocab_size": len(words), "max_position_embeddings": 8192},
            "rope_scaling": {"rope_type": "default", "mrope_section": [2, 3, 3]},
        },
        **numbers,
    )
    torch.manual_seed(seed)
    model = transformers.Qwen2_5OmniThinkerForConditionalGeneration(config)
    model.save_pretrained(folder)
    processor(words).save_pretrained(folder)
    return folder


def save_gemma(folder: Path, seed: int = 0) -> Path:
    """A Gemma 4 as small as that."""
    torch = importlib.import_module("torch")
    transformers = importlib.import_module("transformers")
    words = tokenizer(
        ("<pad>", "<eos>", "<bos>", "<|turn>", "<turn|>", "<|video|>"),
        GEMMA_MARKS,
        **{"pad_token": "<pad>", "eos_token": "<eos>", "bos_token": "<bos>"},
    )
    # imported from where they live: the library offers them by these names only to its own Auto classes
    base = "transformers.models.gemma4"
    speech = importlib.import_module(f"{base}.feature_extraction_gemma4").Gemma4AudioFeatureExtractor()
    image = importlib.import_module(f"{base}.image_processing_gemma4").Gemma4ImageProcessor()
    video = importlib.import_module(f"{base}.video_processing_gemma4").Gemma4VideoProcessor()
    made = importlib.import_module(f"{base}.processing_gemma4").Gemma4Processor(
        feature_extractor=speech,
        image_processor=image,
        tokenizer=words,
        video_processor=video,
        chat_template=GEMMA_TEMPLATE,
    )
    ids = {
        name: words.convert_tokens_to_ids(mark) for name, mark in {**GEMMA_MARKS, "video_token": "<|video|>"}.items()
    }
    config = transformers.Gemma4Config(
        text_config={
            **{"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4},
            **{"num_key_value_heads": 2, "head_dim": 16, "global_head_dim": 16, "vocab_size": len(words)},
            **{"vocab_size_per_layer_input": len(words), "hidden_size_per_layer_input": 16},
            **{"layer_types": ["sliding_attention", "full_attention"], "pad_token_id": 0, "eos_token_id": 1},
            "bos_token_id": 2,
        },
        vision_config={
            **{"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2},
            **{"num_key_value_heads": 2, "head_dim": 16, "position_embedding_size": 256},
        },
        audio_config={
            **{"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "output_proj_dims": 64},
            "subsampling_conv_channels": [128, 8],
        },
        **{f"{name}_id": value for name, value in ids.items() if name != "eoa_token"},
        eoa_token_index=ids["eoa_token"],
    )
    torch.manual_seed(seed)
    transformers.Gemma4ForConditionalGeneration(config).save_pretrained(folder)
    made.save_pretrained(folder)
    return folder


def save_qwen3(folder: Path, seed: int = 0) -> Path:
    """A Qwen3-Omni thinker, with four experts, as small as that."""
    torch = importlib.import_module("torch")
    transformers = importlib.import_module("transformers")
    words = tokenizer()
    ids = {name: words.convert_tokens_to_ids(mark) for name, mark in MARKS.items()}
    config = transformers.Qwen3OmniMoeThinkerConfig(
        audio_config={
            **{"d_model": 32, "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 64},
            **{"num_mel_bins": 128, "output_dim": 64, "downsample_hidden_size": 16},
        },
        vision_config={
            **{"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 64},
            **{"num_position_embeddings": 256, "deepstack_visual_indexes": [0, 1]},
        },
        text_config={
            **{"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 3, "num_attention_heads": 4},
            **{"num_key_value_heads": 2, "vocab_size": len(words), "max_position_embeddings": 8192, "head_dim": 16},
            **{"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32},
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 3, 3]},
        },
        **{f"{kind}_token_id": ids[f"{kind}_token"] for kind in ("image", "audio", "video")},
        audio_start_token_id=ids["audio_bos_token"],
    )
    config.vision_start_token_id = ids["vision_bos_token"]
    torch.manual_seed(seed)
    transformers.Qwen3OmniMoeThinkerForConditionalGeneration(config).save_pretrained(folder)
    sizes = {"shortest_edge": 64 * 64, "longest_edge": 128 * 128}
    transformers.Qwen3OmniMoeProcessor(
        image_processor=transformers.Qwen2VLImageProcessor(patch_size=16),
        video_processor=transformers.Qwen2VLVideoProcessor(size=sizes, patch_size=16),
        feature_extractor=transformers.WhisperFeatureExtractor(feature_size=128),
        tokenizer=words,
        chat_template=TEMPLATE,
    ).save_pretrained(folder)
    return folder
