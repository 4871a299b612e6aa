package jupyter

import (
	"fmt"
	"syscall"
	"time"
)

const (
	// patience is how long an interrupt waits for a kernel to say that it has begun to run the code.
	patience = time.Second
	// insistence is the time after which code that still runs is interrupted again: libraries swallow interrupts.
	insistence = 3 * time.Second
)

// interruption is the interrupt of a run. A kernel ignores SIGINT between runs, or even dies of it, so that the
// interrupt of a run that has just begun waits until the kernel says that it runs.
type interruption struct {
	wanted  bool
	started bool
	next    *time.Timer // nil: none
}

func (i *interruption) stop() {
	if i.next != nil {
		i.next.Stop()
		i.next = nil
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
		if k.interruption.next == nil {
			k.interruption.next = time.AfterFunc(patience, func() { k.started(r) })
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
	k.note(k.interruptAndUnlock())
}

// interruptAndUnlock sends the interrupt now, and plans the next.
func (k *kernel) interruptAndUnlock() error {
	r := k.run
	k.interruption.stop()
	k.interruption.next = time.AfterFunc(insistence, func() {
		k.mu.Lock()
		if k.run != r {
			k.mu.Unlock()
			return
		}
		k.note(k.interruptAndUnlock())
	})
	if k.byMessage {
		k.mu.Unlock()
		if err := k.ask(nil, k.control, "interrupt_request", struct{}{}); err != nil {
			return fmt.Errorf("ask the kernel to interrupt: %w", err)
		}
		return nil
	}
	k.process.signal(syscall.SIGINT) // under the lock: the run must not end before
	k.mu.Unlock()
	// An event loop that waits (ipykernel: top-level await) sees the signal when something arrives.
	if err := k.ask(nil, k.shell, "kernel_info_request", struct{}{}); err != nil {
		return fmt.Errorf("wake the kernel: %w", err)
	}
	return nil
}

func (k *kernel) note(err error) {
	if err != nil {
		k.log.Warn("the kernel can't be interrupted", "err", err)
	}
}

// interrupted tells whether the interrupt of the present run was sent.
func (k *kernel) interrupted() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.interruption.wanted && k.interruption.started
}
