// Package manage is for those who run a server: figures for Prometheus and
// profiles, at an address that clients can't reach.
package manage

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/opensandbox-conformance/opensandbox-conformance/reference/sandbox"
)

// Metrics counts what a server does. Its methods may be called from several
// goroutines at once.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
}

// NewMetrics makes figures that start at zero.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "opensandbox_requests_total",
			Help: "Requests answered, by operation (operationId of the lifecycle document; gateway; other) and status.",
		}, []string{"operation", "status"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "opensandbox_request_seconds",
			Help:    "Time from a request's headers to the end of its answer, by operation. Not of the gateway's, which last as long as clients want.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"operation"}),
	}
	m.registry.MustRegister(m.requests, m.took, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewBuildInfoCollector())
	return m
}

// Gateway is the operation of requests to ports inside sandboxes.
const Gateway = "gateway"

// Observe counts a request that was answered with status.
func (m *Metrics) Observe(operation string, status int, took time.Duration) {
	m.requests.WithLabelValues(operation, strconv.Itoa(status)).Inc()
	if operation != Gateway {
		m.took.WithLabelValues(operation).Observe(took.Seconds())
	}
}

// Sources is where figures come from that are looked up when they are asked for.
type Sources struct {
	Sandboxes func() map[sandbox.State]int // how many there are in each state
	Carried   func() int                   // requests that the gateway is at
}

// Watch adds the figures of s. Call it once.
func (m *Metrics) Watch(s Sources) {
	m.registry.MustRegister(
		states{s.Sandboxes, prometheus.NewDesc("opensandbox_sandboxes", "Sandboxes known to the server, by state.", []string{"state"}, nil)},
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "opensandbox_gateway_requests", Help: "Requests and upgraded connections that the gateway carries now.",
		}, func() float64 { return float64(s.Carried()) }),
	)
}

// states is a collector: every state has a figure, also where it is 0.
type states struct {
	count func() map[sandbox.State]int
	desc  *prometheus.Desc
}

func (s states) Describe(ch chan<- *prometheus.Desc) { ch <- s.desc }

func (s states) Collect(ch chan<- prometheus.Metric) {
	counts := s.count()
	for _, state := range sandbox.States() {
		ch <- prometheus.MustNewConstMetric(s.desc, prometheus.GaugeValue, float64(counts[state]), string(state))
	}
}
