"""What a model does from end to end: the steps a family states, and the operations between its graphs."""

from runtime.flows.executor import execute, flow_of, run_flow
from runtime.flows.host import HOST, Host

__all__ = ["HOST", "Host", "execute", "flow_of", "run_flow"]
