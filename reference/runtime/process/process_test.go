package process_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime"
)

func TestASandboxFromBeginningToEnd(t *testing.T) {
	f := newFixture(t)
	id := f.provision()
	f.ping(id)
	t.Log(f.run(id, "id; ls -la / /root /home /tmp /opt/opensandbox /dev; cat /proc/self/mountinfo; ps ax; cat /proc/self/status | grep -i 'cap\\|sec\\|priv'; hostname; echo x >/etc/xx && ls -l /etc/xx /etc/passwd"))
	want := []runtime.Instance{{ID: id, Running: true}}
	if got, err := f.List(t.Context()); err != nil || !cmp.Equal(want, got) {
		t.Errorf("list: %v, %v", got, err)
	}
	for range 2 { // the second finds nothing, and that's no error
		if err := f.Remove(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	if got, err := f.List(t.Context()); err != nil || len(got) > 0 {
		t.Errorf("list: %v, %v", got, err)
	}
}
