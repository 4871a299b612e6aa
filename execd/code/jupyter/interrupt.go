package jupyter

import (
	"fmt"
	"syscall"
	"time"
)

// patience is how long an interrupt waits for a kernel to say that it has begun to run the code.
const patience = time.Second

// interruption is the interrupt of a run. A kernel ignores SIGINT between runs, or even dies of it, so that the
// interrupt of a run that has just begun waits until the kernel says that it runs.
type interruption struct {
	wanted  bool
	started bool
	late    *time.Timer
}

func (i *interruption) stop() {
	if i.late != nil {
		i.late.Stop()
	}
}

// Interrupt raises what the kernel's language has for that, in the code that runs. Child processes get SIGINT too,
// unless the kernel wants to be interrupted by a message.
func (k *kernel) Interrupt() error {
	k.mu.Lock()
	r := k.run
	if r == nil || r.out == nil {
		k.mu.Unlock()
		return nil
	}
	k.interruption.wanted = true
	if !k.interruption.started {
		if k.interruption.late == nil {
			k.interruption.late = time.AfterFunc(patience, func() { k.started(r) })
		}
		k.mu.Unlock()
		return nil
	}
	return k.interruptAndUnlock()
}

// started notes that the kernel runs the code of r, and sends the interrupt that has waited for that.
func (k *kernel) started(r *run) {
	k.mu.Lock()
	if k.run != r || k.interruption.started {
		k.mu.Unlock()
		return
	}
	k.interruption.started = true
	k.interruption.stop()
	if !k.interruption.wanted {
		k.mu.Unlock()
		return
	}
	if err := k.interruptAndUnlock(); err != nil {
		k.log.Warn("the kernel can't be interrupted", "err", err)
	}
}

func (k *kernel) interruptAndUnlock() error {
	if !k.byMessage {
		k.process.signal(syscall.SIGINT) // under the lock: the run must not end before
		k.mu.Unlock()
		// An event loop that waits (ipykernel: top-level await) sees the signal when something arrives.
		if err := k.ask(nil, k.shell, "kernel_info_request", struct{}{}); err != nil {
			return fmt.Errorf("wake the kernel: %w", err)
		}
		return nil
	}
	k.mu.Unlock()
	if err := k.ask(nil, k.control, "interrupt_request", struct{}{}); err != nil {
		return fmt.Errorf("ask the kernel to interrupt: %w", err)
	}
	return nil
}

// interrupted tells whether the interrupt of the present run was sent.
func (k *kernel) interrupted() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.interruption.wanted && k.interruption.started
}
