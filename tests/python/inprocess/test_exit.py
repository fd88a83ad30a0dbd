"""The end of the process: with servers running, requests in flight, threads and loops waiting.

Whatever the order, nothing crashes, hangs or is reported as leaked.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers.models import standard_models, write_repository

PREFIX = """\
import asyncio, gc, queue, sys, threading, time
import numpy as np, tritonserver
server = tritonserver.Server(model_repository=sys.argv[1]).start(wait_until_ready=True)
ones = {"INPUT0": np.ones(1, np.float32)}
slow = {"delay_ms": 300}
"""

ENDINGS = {
    "stopped": "list(server.model('delay').infer(inputs=ones)); server.stop()",
    "not stopped": "list(server.model('delay').infer(inputs=ones))",
    "dropped": "del server; gc.collect()",
    "request in flight": "held = server.model('delay').infer(inputs=ones, parameters=slow)",
    "request forgotten": "server.model('delay').infer(inputs=ones, parameters=slow)",
    "stopped with a request in flight": (
        "server.model('delay').infer(inputs=ones, parameters=slow); server.stop()"
    ),
    "response held": "r = next(server.model('delay').infer(inputs=ones))",
    "view held": (
        "r = np.from_dlpack(next(server.model('delay').infer(inputs=ones)).outputs['OUTPUT0'])"
    ),
    "daemon thread waiting": (
        "r = server.model('delay').infer(inputs=ones, parameters=slow)\n"
        "threading.Thread(target=lambda: next(r), daemon=True).start()\n"
        "time.sleep(0.05)"
    ),
    "response queue": (
        "server.model('delay').infer(inputs=ones, parameters=slow, "
        "response_queue=queue.SimpleQueue())"
    ),
    "loop left with a request": (
        "async def main():\n"
        "    asyncio.ensure_future(anext(\n"
        "        server.model('delay').async_infer(inputs=ones, parameters=slow)))\n"
        "    await asyncio.sleep(0.01)\n"
        "asyncio.run(main())"
    ),
    "exit from a thread's exception": "sys.exit(0)",
    "two servers": (
        "two = tritonserver.Server(model_repository=sys.argv[1]).start()\n"
        "server.stop(); list(two.model('delay').infer(inputs=ones)); two.stop()"
    ),
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, backends_dir: Path) -> Path:
    chosen = [model for model in standard_models() if model.name in ("delay", "identity_fp32")]
    return write_repository(tmp_path_factory.mktemp("exit"), chosen)


@pytest.mark.parametrize("ending", list(ENDINGS))
def test_clean_end(run_script: Any, repository: Path, ending: str) -> None:
    done = run_script(PREFIX + ENDINGS[ending] + "\n", repository)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_interrupt_while_waiting(repository: Path, tmp_path: Path) -> None:
    source = PREFIX + (
        "responses = server.model('delay').infer(inputs=ones, parameters={'delay_ms': 5000})\n"
        "try:\n"
        "    print('waiting', flush=True)\n"
        "    next(responses)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', flush=True)\n"
        "import os; os._exit(0)\n"
    )
    command = [sys.executable, "-c", source, str(repository)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"


def test_numpy_2(run_script: Any, repository: Path, numpy2_dir: Path) -> None:
    source = (
        f"import sys; sys.path.insert(0, {str(numpy2_dir)!r})\n"
        + PREFIX
        + "assert np.__version__[0] == '2', np.__version__\n"
        "from tritonserver import Tensor\n"
        "array = np.arange(6, dtype=np.float32)\n"
        "(r,) = server.model('identity_fp32').infer(inputs={'INPUT0': array[::2]})\n"
        "back = np.from_dlpack(r.outputs['OUTPUT0'])\n"
        "assert back.tolist() == [0, 2, 4] and not back.flags.writeable\n"
        "assert np.from_dlpack(Tensor.from_dlpack(array)).ctypes.data == array.ctypes.data\n"
        "array.flags.writeable = False\n"
        "assert Tensor.from_dlpack(array).size == 24\n"
        "text = np.array(['a', 'longer'], dtype=np.dtypes.StringDType())\n"
        "assert Tensor.from_object(text).to_string_array().tolist() == ['a', 'longer']\n"
        "server.stop()\n"
    )
    done = run_script(source, repository)
    assert (done.returncode, done.stderr) == (0, "")
