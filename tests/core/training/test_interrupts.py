import os
import signal
import threading

import pytest

from dnn_sweep.core.errors import SweepInterruptedError
from dnn_sweep.core.training.interrupts import Interrupts, exit_status


def interrupt(number=signal.SIGINT):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_raised_at_once_and_known_by_its_exit_status(number, status):
    with pytest.raises(KeyboardInterrupt) as stop, Interrupts().listening():
        interrupt(number)
    assert exit_status(stop.value) == status


def test_an_interrupt_waits_for_what_must_not_be_cut_short():
    done = []
    with pytest.raises(KeyboardInterrupt), Interrupts().listening() as interrupts:
        with interrupts.held():
            interrupt()
            done.append("saved")
        done.append("went on")
    assert done == ["saved"]


class Swallowing:
    """Its destructor gets the signal, and Python drops what is raised in one."""

    def __del__(self):
        interrupt(signal.SIGTERM)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_stop_that_python_dropped_is_raised_again():
    done = []
    with pytest.raises(KeyboardInterrupt) as stop, Interrupts().listening():
        Swallowing()
        done.append("went on")
    assert (done, exit_status(stop.value)) == (["went on"], 143)
    Interrupts.check()  # nothing is left of it


def test_a_stop_that_a_library_turned_into_an_error_of_its_own_is_still_a_stop():
    with pytest.raises(KeyboardInterrupt), Interrupts().listening():
        try:
            interrupt()
        except KeyboardInterrupt:
            raise AttributeError("'NoneType' object has no attribute 'flags'") from None
    with pytest.raises(SweepInterruptedError, match="2 of 3"), Interrupts().listening():
        try:
            interrupt()
        except KeyboardInterrupt:
            raise SweepInterruptedError("2 of 3 trials are kept", 130) from None


def test_a_second_interrupt_does_not_wait():
    done = []
    with (
        pytest.raises(KeyboardInterrupt),
        Interrupts().listening() as interrupts,
        interrupts.held(),
    ):
        interrupt()
        interrupt()
        done.append("saved")
    assert done == []


def test_the_handler_before_is_put_back():
    before = signal.getsignal(signal.SIGINT)
    with Interrupts().listening():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_are_left_alone():
    seen = []

    def listen():
        with Interrupts().listening():
            seen.append(signal.getsignal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert seen == [before]
