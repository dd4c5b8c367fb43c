"""A GGUF file in llama.cpp: steps of prefill and decode at a depth, as calls that can be timed."""

import ctypes
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MICRO_BATCH = 512
"""llama.cpp's default: prompt tokens of one pass through the layers."""
_PAGE = 256
_MARGIN = 64


class WholeModel:
    """One file, loaded for good; contexts are made per batch size.

    Parameters
    ----------
    path : Path
        A GGUF file.
    threads : int
        For prefill and decode alike.
    mapped : bool
        Map the file; otherwise read it, so that it may be deleted.

    Raises
    ------
    RuntimeError
        If llama.cpp cannot load it.
    """

    def __init__(self, path: Path, *, threads: int, mapped: bool = True) -> None:
        import llama_cpp

        from profiler.backends.ggml.library import silence

        silence()
        llama_cpp.llama_backend_init()
        self.llama, self.threads = llama_cpp, threads
        parameters = llama_cpp.llama_model_default_params()
        parameters.n_gpu_layers, parameters.use_mmap = 0, mapped
        self.model = llama_cpp.llama_model_load_from_file(str(path).encode(), parameters)
        if not self.model:
            raise RuntimeError(f"llama.cpp could not load {path.name}")
        self._finalizer = weakref.finalize(self, llama_cpp.llama_model_free, self.model)
        self.vocab = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))

    def session(self, *, depth: int, new: int, batch: int) -> "Session":
        """Return a context with room for `depth + new` tokens of each of `batch` sequences."""
        return Session(self, depth=depth, new=new, batch=batch)


class Session:
    """A context whose sequences stand at one depth, and steps that leave them there.

    Parameters
    ----------
    depth : int
        Tokens that each sequence has cached before a step.
    new : int
        Most tokens that a step adds to each.
    batch : int
        Sequences, each with a cache of its own.
    """

    def __init__(self, whole: WholeModel, *, depth: int, new: int, batch: int) -> None:
        self.llama, self.depth, self.batch = whole.llama, depth, batch
        self._vocab = whole.vocab
        parameters = self.llama.llama_context_default_params()
        each = -(-(depth + new + _MARGIN) // _PAGE) * _PAGE
        parameters.n_ctx = each * batch
        parameters.n_batch = max(MICRO_BATCH, new, batch)
        parameters.n_ubatch = MICRO_BATCH
        parameters.n_seq_max = batch
        parameters.n_threads = parameters.n_threads_batch = whole.threads
        parameters.flash_attn_type = 1
        parameters.no_perf = True
        parameters.kv_unified = False
        self.context = self.llama.llama_init_from_model(whole.model, parameters)
        if not self.context:
            raise RuntimeError(f"llama.cpp could not make a context of {parameters.n_ctx} tokens")
        self._finalizer = weakref.finalize(self, self.llama.llama_free, self.context)
        self._memory = self.llama.llama_get_memory(self.context)
        self._model = whole
        self._tokens = np.random.default_rng(0)

    def fill(self, state: bytes | None = None) -> bytes:
        """Bring every sequence to the depth: by a saved state of one sequence, or by computing it.

        Returns
        -------
        bytes
            The state of one sequence at the depth, which other formats of the same model take too:
            caches are float16 whatever the weights are.
        """
        if self.depth == 0:
            return b""
        if state is None:
            for start in range(0, self.depth, MICRO_BATCH):
                count = min(MICRO_BATCH, self.depth - start)
                self._decode([(0, start + i, i == count - 1) for i in range(count)])
            size = self.llama.llama_state_seq_get_size(self.context, 0)
            buffer = (ctypes.c_uint8 * size)()
            self.llama.llama_state_seq_get_data(self.context, buffer, size, 0)
            state = bytes(buffer)
        given = (ctypes.c_uint8 * len(state)).from_buffer_copy(state)
        for sequence in range(self.batch):
            if not self.llama.llama_state_seq_set_data(self.context, given, len(state), sequence):
                raise RuntimeError("llama.cpp did not take the saved state of a sequence")
        return state

    def prefill(self, tokens: int) -> Callable[[], object]:
        """Return a step that runs `tokens` of one sequence through the model, with logits of the last."""
        places = [(0, self.depth + i, i == tokens - 1) for i in range(tokens)]
        return lambda: self._decode(places)

    def decode(self) -> Callable[[], object]:
        """Return a step of one token of every sequence, with logits of each."""
        places = [(sequence, self.depth, True) for sequence in range(self.batch)]
        return lambda: self._decode(places)

    def rewind(self) -> None:
        """Take back what the last step added; a recurrent state cannot be taken back, and need not be."""
        for sequence in range(self.batch):
            if not self.llama.llama_memory_seq_rm(self._memory, sequence, self.depth, -1):
                self.llama.llama_memory_seq_rm(self._memory, sequence, -1, -1)

    def logits(self, row: int) -> NDArray[np.float32]:
        """Return the logits of one row of the last step."""
        pointer = self.llama.llama_get_logits_ith(self.context, row)
        return np.ctypeslib.as_array(pointer, shape=(self._vocab,)).copy()

    def _decode(self, places: Sequence[tuple[int, int, bool]]) -> None:
        self.run(self._tokens.integers(0, self._vocab, len(places)).tolist(), places)

    def run(self, tokens: Sequence[int], places: Sequence[tuple[int, int, bool]]) -> None:
        """Run tokens at (sequence, position, wants logits).

        Raises
        ------
        RuntimeError
            With llama.cpp's status.
        """
        batch = self.llama.llama_batch_init(len(tokens), 0, 1)
        try:
            batch.n_tokens = len(tokens)
            for i, (token, (sequence, position, output)) in enumerate(zip(tokens, places, strict=True)):
                batch.token[i], batch.pos[i], batch.logits[i] = token, position, output
                batch.n_seq_id[i], batch.seq_id[i][0] = 1, sequence
            status = self.llama.llama_decode(self.context, batch)
            self.llama.llama_synchronize(self.context)
        finally:
            self.llama.llama_batch_free(batch)
        if status != 0:
            raise RuntimeError(f"llama.cpp could not run {len(tokens)} tokens: status {status}")
