// Counters in Prometheus' text format, written by hand: the program has no dependencies.
package main

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Upper bounds in seconds.
var bounds = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

type histogram struct {
	atMost []uint64 // one for each of bounds
	count  uint64
	sum    float64 // seconds
}

type measured struct {
	mu       sync.Mutex
	byLabels map[string]*histogram
}

func newMeasured() *measured { return &measured{byLabels: map[string]*histogram{}} }

func labels(status int, version string) string {
	return fmt.Sprintf("status=\"%d\",version=%q", status, version)
}

func (m *measured) add(labels string, took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.byLabels[labels]
	if h == nil {
		h = &histogram{atMost: make([]uint64, len(bounds))}
		m.byLabels[labels] = h
	}
	seconds := took.Seconds()
	for i, bound := range bounds {
		if seconds <= bound {
			h.atMost[i]++
		}
	}
	h.count++
	h.sum += seconds
}

func (m *measured) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	all := slices.Sorted(maps.Keys(m.byLabels))
	fmt.Fprintln(w, "# TYPE http_requests_total counter")
	for _, l := range all {
		fmt.Fprintf(w, "http_requests_total{%s} %d\n", l, m.byLabels[l].count)
	}
	const name = "http_request_duration_seconds"
	fmt.Fprintf(w, "# TYPE %s histogram\n", name)
	for _, l := range all {
		h := m.byLabels[l]
		for i, bound := range bounds {
			fmt.Fprintf(w, "%s_bucket{%s,le=\"%g\"} %d\n", name, l, bound, h.atMost[i])
		}
		fmt.Fprintf(w, "%s_bucket{%s,le=\"+Inf\"} %d\n", name, l, h.count)
		fmt.Fprintf(w, "%s_sum{%s} %g\n%s_count{%s} %d\n", name, l, h.sum, name, l, h.count)
	}
}
