package code_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/code"
)

// named is a language that only has a name, and whose it is.
type named struct{ name, whose string }

func (n named) Name() string                               { return n.name }
func (n named) Start(context.Context) (code.Kernel, error) { panic("not started here") }

func TestChoose(t *testing.T) {
	drivers := []code.Language{named{"python", "driver"}, named{"bash", "driver"}}
	kernels := []code.Language{named{"java", "kernel"}, named{"python", "kernel"}, named{"java", "second"}}
	for _, c := range []struct {
		name             string
		drivers, kernels []code.Language
		prefer           bool
		want             []code.Language
	}{
		{"nothing", nil, nil, false, nil},
		{"drivers win", drivers, kernels, false, []code.Language{drivers[0], drivers[1], kernels[0]}},
		{"kernels win where asked", drivers, kernels, true, []code.Language{kernels[0], kernels[1], drivers[1]}},
		{"drivers alone", drivers, nil, true, drivers},
		{"kernels alone", nil, kernels, false, kernels[:2]},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := code.Choose(c.drivers, c.kernels, c.prefer)
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(named{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}
