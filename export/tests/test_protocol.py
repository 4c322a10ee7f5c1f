import json
import os
import threading
import time
from pathlib import Path

import pytest

from streetwise_train import protocol
from streetwise_train.control import Control
from streetwise_train.errors import StopTraining, TrainError, describe
from streetwise_train.protocol import Progress, Reporter

GOLDEN = Path(__file__).parents[2] / "tests" / "protocol" / "v1.jsonl"


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_golden_file_has_every_type_with_the_fields_that_are_written():
    """The same file is read by the Rust tests."""
    events = lines(GOLDEN)
    assert {event["type"] for event in events} == set(protocol.EVENTS)
    for event in events:
        assert set(event) == protocol.EVENTS[event["type"]] | {"type", "seq", "time"}
    assert [event["seq"] for event in events] == list(range(len(events)))


def test_events_go_to_both_outputs_and_the_numbers_go_on(tmp_path):
    reading, writing = os.pipe()
    first = Reporter(tmp_path, writing)
    first.emit("heartbeat", memory=1)
    first.emit("stopped", epoch=0, batch=3, why="asked")
    first.emit("heartbeat", memory=2)  # after the end nothing is said
    with (tmp_path / "events.jsonl").open("a") as torn:
        torn.write('{"type": "heartbeat", "seq": 2, "ti')  # killed in the middle of a line
    second = Reporter(tmp_path, None)
    second.emit("heartbeat", memory=3)
    written = list(protocol.read_events(tmp_path / "events.jsonl"))
    assert [event["seq"] for event in written] == [0, 1, 2]
    assert [event["type"] for event in written] == ["heartbeat", "stopped", "heartbeat"]
    told = [json.loads(line) for line in os.read(reading, 1 << 16).splitlines()]
    assert told == written[:2]


def test_there_is_no_nan_in_an_event(tmp_path):
    reporter = Reporter(tmp_path, None)
    reporter.emit("lr_find", lrs=[0.1], losses=[float("nan")], suggestion=float("inf"))
    (event,) = lines(tmp_path / "events.jsonl")
    assert event["losses"] == [None]
    assert event["suggestion"] is None


def test_a_wrong_event_is_not_written(tmp_path):
    reporter = Reporter(tmp_path, None)
    with pytest.raises(ValueError, match="heartbeat"):
        reporter.emit("heartbeat", memory=1, more=2)
    assert lines(tmp_path / "events.jsonl") == []


def test_a_reader_that_went_away_stops_nothing(tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    reporter = Reporter(tmp_path, writing)
    reporter.emit("heartbeat", memory=1)
    reporter.emit("heartbeat", memory=2)
    assert len(lines(tmp_path / "events.jsonl")) == 2


def test_progress_is_told_four_times_a_second_and_at_the_end(tmp_path):
    progress = Progress(Reporter(tmp_path, None), "cache")
    for done in range(1001):
        progress(done, 1000)
    told = lines(tmp_path / "events.jsonl")
    assert [event["done"] for event in told][-1] == 1000
    assert len(told) < 20
    assert told[-1]["eta_s"] == 0
    assert told[0]["epoch"] is None


def test_commands_are_told_from_junk():
    reading, writing = os.pipe()
    feed = b'{"type": "pause"}\n' + b"x" * 3_000_000 + b'\nnoise\n[]\n\n{"type":"stop"}\n'
    thread = threading.Thread(target=lambda: (os.write(writing, feed), os.close(writing)))
    thread.start()
    found = list(protocol.commands(reading))
    thread.join()
    assert found == ["pause", None, None, None, "stop"]


def test_the_end_of_the_input_is_the_end_of_the_parent(tmp_path):
    reading, writing = os.pipe()
    control = Control(Reporter(tmp_path, None), leave=lambda _: None)
    thread = protocol.listen(reading, control.command, control.reporter)
    os.close(writing)
    thread.join(5)
    assert control.why == "parent"
    with pytest.raises(StopTraining):
        control.poll()


def test_a_loop_that_does_not_come_round_is_ended_at_the_deadline(tmp_path, monkeypatch):
    left = threading.Event()
    monkeypatch.setattr("streetwise_train.control.PARENT_DEADLINE", 0.05)
    control = Control(Reporter(tmp_path, None), leave=lambda status: status == 0 and left.set())
    control.saved = (4, 2)
    control.command("stop")  # has a long deadline, which the parent's end shortens
    control.command("parent")
    assert left.wait(5)
    (event,) = lines(tmp_path / "events.jsonl")
    assert (event["type"], event["epoch"], event["batch"]) == ("stopped", 4, 2)
    assert event["why"] == "parent"


def test_a_pause_holds_until_it_is_taken_back(tmp_path):
    control = Control(Reporter(tmp_path, None), leave=lambda _: None)
    control.command("pause")
    threading.Timer(0.3, control.command, ["resume"]).start()
    started = time.monotonic()
    control.poll()
    assert time.monotonic() - started > 0.2


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TrainError("data", "bad", "mend it"), "data"),
        (OSError(28, "No space left on device"), "disk-full"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "disk-full"),
        (MemoryError(), "memory"),
        (KeyError("x"), "key-error"),
    ],
)
def test_any_error_has_a_kind_and_a_way_out(error, kind):
    found, message, hint = describe(error)
    assert found == kind
    assert message
    assert hint
