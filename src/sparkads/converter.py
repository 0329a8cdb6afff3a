"""The one data converter of all clients, workers, replayers and tests: pydantic models as JSON."""

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter

data_converter: DataConverter = pydantic_data_converter
