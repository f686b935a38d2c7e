import os
import signal
import threading

import pytest

from dnn_sweep.core.training.interrupts import Interrupts, exit_status


def interrupt(number=signal.SIGINT):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_raised_at_once_and_known_by_its_exit_status(number, status):
    with Interrupts().listening(), pytest.raises(KeyboardInterrupt) as stop:
        interrupt(number)
    assert exit_status(stop.value) == status


def test_an_interrupt_waits_for_what_must_not_be_cut_short():
    done = []
    with Interrupts().listening() as interrupts:
        with pytest.raises(KeyboardInterrupt), interrupts.held():
            interrupt()
            done.append("saved")
        assert done == ["saved"]


def test_a_second_interrupt_does_not_wait():
    done = []
    with (
        Interrupts().listening() as interrupts,
        pytest.raises(KeyboardInterrupt),
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
