package main

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"github.com/opensandbox-conformance/opensandbox-conformance/internal/dockertest"
	"github.com/opensandbox-conformance/opensandbox-conformance/reference/runtime/process"
)

// BenchmarkReference measures the lifecycle server over real sockets and a real Docker engine, in turns with the engine
// by itself.
func BenchmarkReference(b *testing.B) {
	each := func(name string, run func(b *testing.B)) {
		b.Run(name, func(b *testing.B) {
			run(b)
			b.ReportMetric(0, "ns/op")
		})
	}
	each("process", benchProcess)
	l := startServer(b, 0) // what follows needs an engine
	bare := startBare(b)
	each("create", func(b *testing.B) { benchCreate(b, l) })
	each("pool", benchPool)
	each("create-at-once", func(b *testing.B) { benchCreateAtOnce(b, l) })
	each("gateway-event", func(b *testing.B) { benchGatewayEvent(b, l) })
	each("gateway-download", func(b *testing.B) { benchGatewayDownload(b, l, bare) })
	each("rows", benchRows)
	each("restart", benchRestart)
}

// benchCreate measures a sandbox from the request to Running, and from the request to delete it until it is gone.
func benchCreate(b *testing.B, l *lifecycle) {
	first := l.running(b)
	model := l.inspect(b, first)
	l.remove(b, first)
	var answers, creates, bareCreates, deletes, bareDeletes []time.Duration
	for range b.N {
		var removes, bareRemoves []time.Duration
		x, y := pairs(4*rounds,
			func() time.Duration {
				id := ""
				begun := time.Now()
				id = l.create(b, "")
				answers = append(answers, time.Since(begun))
				l.reach(b, id, "Running")
				took := time.Since(begun)
				removes = append(removes, timed(func() { l.remove(b, id) }))
				return took
			},
			func() time.Duration {
				id := ""
				took := timed(func() { id = l.bareCreate(b, &model) })
				bareRemoves = append(bareRemoves, timed(func() { l.bareRemove(b, id) }))
				return took
			})
		creates, bareCreates = append(creates, x...), append(bareCreates, y...)
		deletes, bareDeletes = append(deletes, removes[1:]...), append(bareDeletes, bareRemoves[1:]...)
	}
	b.ReportMetric(quantile(answers, 0.5), "answer-ms")
	b.ReportMetric(quantile(creates, 0.5), "ms")
	b.ReportMetric(quantile(bareCreates, 0.5), "bare-ms")
	b.ReportMetric(quantile(deletes, 0.5), "delete-ms")
	b.ReportMetric(quantile(bareDeletes, 0.5), "bare-delete-ms")
}

// benchPool measures a sandbox from the request to Running where its container was kept ready.
func benchPool(b *testing.B) {
	const kept = 4
	l := startServer(b, 0, "--pool", dockertest.Debian+"="+strconv.Itoa(kept))
	l.look = 0
	spares := filters.NewArgs(filters.Arg("label", "io.opensandbox.prepared"), filters.Arg("label", l.label), filters.Arg("name", "opensandbox-prepared-"), filters.Arg("status", "running"))
	full := func() {
		if !waitFor(time.Minute, func() bool {
			time.Sleep(20 * time.Millisecond) // leaves the engine a processor
			there, err := l.engine.ContainerList(b.Context(), container.ListOptions{Filters: spares})
			return err == nil && len(there) == kept // the oldest wait for long
		}) {
			b.Fatal("the pool does not fill")
		}
	}
	var took []time.Duration
	for range 4 * rounds * b.N {
		full()
		begun := time.Now()
		id := l.running(b)
		took = append(took, time.Since(begun))
		l.remove(b, id)
	}
	b.ReportMetric(quantile(took, 0.5), "p50-ms")
}

// benchProcess measures a sandbox from the request to Running on the runtime that needs no engine.
func benchProcess(b *testing.B) {
	s, _ := serve(b, 0, "--runtime", "process")
	l := &lifecycle{server: s, image: process.Image}
	var took []time.Duration
	for range 10 * rounds * b.N {
		begun := time.Now()
		id := l.running(b)
		took = append(took, time.Since(begun))
		l.remove(b, id)
	}
	b.ReportMetric(quantile(took, 0.5), "p50-ms")
}

// benchCreateAtOnce compares 50 sandboxes that are asked for together.
func benchCreateAtOnce(b *testing.B, l *lifecycle) {
	const many = 50
	first := l.running(b)
	model := l.inspect(b, first)
	l.remove(b, first)
	each := func(f func(i int)) {
		var group sync.WaitGroup
		for i := range many {
			group.Go(func() { f(i) })
		}
		group.Wait()
	}
	ids := make([]string, many)
	batch := 0
	var ours, bare []time.Duration
	for range b.N {
		x, y := pairs(1,
			func() time.Duration {
				batch++
				mark := fmt.Sprintf("b%d", batch)
				took := timed(func() {
					each(func(i int) { ids[i] = l.create(b, `"batch":"`+mark+`"`) })
					var page struct{ Pagination struct{ TotalItems int } }
					if !waitFor(5*time.Minute, func() bool {
						time.Sleep(4 * time.Millisecond) // leaves the engine a processor
						l.call(b, "GET", "/sandboxes?pageSize=1&state=Running&metadata=batch%3D"+mark, "", &page)
						return page.Pagination.TotalItems == many
					}) {
						b.Fatalf("only %d of %d run", page.Pagination.TotalItems, many)
					}
				})
				each(func(i int) { l.remove(b, ids[i]) })
				return took
			},
			func() time.Duration {
				took := timed(func() { each(func(i int) { ids[i] = l.bareCreate(b, &model) }) })
				each(func(i int) { l.bareRemove(b, ids[i]) })
				return took
			})
		ours, bare = append(ours, x...), append(bare, y...)
	}
	b.ReportMetric(quantile(ours, 0.5), "ms")
	b.ReportMetric(quantile(bare, 0.5), "bare-ms")
}
