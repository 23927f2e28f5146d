from __future__ import annotations

import subprocess
import sys


def test_training_without_validation_needs_no_error_rate_library() -> None:
    program = "import sys; sys.modules['jiwer'] = None; import runtime.training"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
