"""What a model does from end to end: the steps a family states, and the operations between its graphs."""

from runtime.flows.choice import check_options, check_requests, flows_by_input
from runtime.flows.executor import execute, flow_of
from runtime.flows.host import HOST, Host
from runtime.flows.stages import of_text, of_units

__all__ = [
    "HOST",
    "Host",
    "check_options",
    "check_requests",
    "execute",
    "flow_of",
    "flows_by_input",
    "of_text",
    "of_units",
]
