package execd

import (
	"context"
	"net/http"

	"github.com/opensandbox-conformance/opensandbox-conformance/execd/metrics"
	"github.com/opensandbox-conformance/opensandbox-conformance/execd/stream"
	"github.com/opensandbox-conformance/opensandbox-conformance/gen/execd"
)

func (h *handler) GetMetrics(context.Context) (*execdapi.Metrics, error) {
	s, err := h.metrics.Sample()
	if err != nil {
		return nil, err
	}
	return measured(s), nil
}

func (h *handler) WatchMetrics(ctx context.Context, w http.ResponseWriter) error {
	events := stream.NewWriter(ctx, w)
	defer events.Close()
	return h.metrics.Watch(ctx, func(s metrics.Sample) error {
		object, err := measured(s).MarshalJSON()
		if err != nil {
			return err
		}
		return events.Send(func(b *stream.Batch) { b.Object(object) })
	})
}

// measured is a sample under all of its names, the older ones too.
func measured(s metrics.Sample) *execdapi.Metrics {
	m := &execdapi.Metrics{
		CPUCount:    float32(s.CPUCount),
		CPUUsedPct:  float32(s.CPUUsed),
		MemTotalMib: float32(s.MemTotal),
		MemUsedMib:  float32(s.MemUsed),
		Timestamp:   s.Time.UnixMilli(),
	}
	// The older names are deprecated, and some clients read no others.
	m.CPUUsedPercentage.SetTo(m.CPUUsedPct) //nolint:staticcheck // see above
	m.MemoryTotalInMib.SetTo(m.MemTotalMib) //nolint:staticcheck // see above
	m.MemoryUsedInMib.SetTo(m.MemUsedMib)   //nolint:staticcheck // see above
	return m
}
