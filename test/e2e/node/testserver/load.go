// A client that counts what comes back. It ends by count, by time or by SIGTERM, and prints one JSON object:
//
//	{"requests":2000,"seconds":1.2,"answers":{"v1":{"200":1603},"v2":{"200":397}},"failures":{},
//	 "latencyMs":{"p50":2.1,"p90":4,"p99":9.5,"max":14}}
//
// answers is by version (first word of the body) and status; failures, by their text, are requests without an answer.
// With -every=100ms, spans has the answers of the requests that began in each such time, first to last, those without any
// request left out: {"atMs":1700000000000,"answers":{"v1":{"200":9}},"failed":1}. failed counts failures, and statuses from 500.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

type summary struct {
	Requests  int                       `json:"requests"`
	Seconds   float64                   `json:"seconds"`
	Answers   map[string]map[string]int `json:"answers"`
	Failures  map[string]int            `json:"failures"`
	LatencyMs map[string]float64        `json:"latencyMs"`
	Spans     []*span                   `json:"spans,omitempty"`
}

type span struct {
	AtMs    int64                     `json:"atMs"` // since 1970
	Answers map[string]map[string]int `json:"answers"`
	Failed  int                       `json:"failed"`
}

type loader struct {
	client  *http.Client
	url     string
	host    string
	headers http.Header
	every   time.Duration

	mu        sync.Mutex
	spans     map[int64]*span
	summary   summary
	latencies []float64 // ms
}

type headerFlag http.Header

func (h headerFlag) String() string { return "" }
func (h headerFlag) Set(text string) error {
	name, value, found := strings.Cut(text, ":")
	if !found {
		return fmt.Errorf("want name: value, not %q", text)
	}
	http.Header(h).Add(name, strings.TrimSpace(value))
	return nil
}

func load(args []string) error {
	flags := flag.NewFlagSet("load [flags] URL", flag.ExitOnError)
	count := flags.Int("n", math.MaxInt, "requests at most")
	limit := flags.Duration("t", time.Minute, "time at most")
	rate := flags.Float64("rate", 0, "requests a second at most; 0: as fast as it goes")
	workers := flags.Int("c", 8, "requests in flight at most")
	host := flags.String("host", "", "Host header")
	fresh := flags.Bool("fresh", false, "a new connection for each request")
	every := flags.Duration("every", 0, "length of a span; 0: none")
	headers := http.Header{}
	flags.Var(headerFlag(headers), "header", "one more header, name: value; may be given again")
	_ = flags.Parse(args)
	if flags.NArg() != 1 {
		return errors.New("load wants one URL")
	}
	transport := &http.Transport{MaxIdleConnsPerHost: *workers, DisableKeepAlives: *fresh}
	l := &loader{
		client:  &http.Client{Transport: transport, Timeout: 15 * time.Second},
		url:     flags.Arg(0),
		host:    *host,
		headers: headers,
		every:   *every,
		spans:   map[int64]*span{},
		summary: summary{Answers: map[string]map[string]int{}, Failures: map[string]int{}},
	}
	ctx, cancel := context.WithTimeout(context.Background(), *limit)
	defer cancel()
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	started := time.Now()
	l.run(ctx, *workers, permits(ctx, *count, *rate))
	l.finish(time.Since(started))
	return json.NewEncoder(os.Stdout).Encode(l.summary)
}

// One permit for each request, at the rate wanted; the channel is closed at the end.
func permits(ctx context.Context, count int, rate float64) <-chan struct{} {
	out := make(chan struct{})
	go func() {
		defer close(out)
		started := time.Now()
		for i := 0; i < count; i++ {
			if rate > 0 {
				due := started.Add(time.Duration(float64(i) / rate * float64(time.Second)))
				select {
				case <-time.After(time.Until(due)):
				case <-ctx.Done():
					return
				}
			}
			select {
			case out <- struct{}{}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

func (l *loader) run(ctx context.Context, workers int, permits <-chan struct{}) {
	var group sync.WaitGroup
	for range workers {
		group.Add(1)
		go func() {
			defer group.Done()
			for range permits {
				l.ask(ctx)
			}
		}()
	}
	group.Wait()
}

func (l *loader) ask(ctx context.Context) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url, nil)
	if err != nil {
		l.fail(err, time.Now())
		return
	}
	request.Header = l.headers.Clone()
	if l.host != "" {
		request.Host = l.host
	}
	started := time.Now()
	response, err := l.client.Do(request)
	if err == nil {
		var body []byte
		body, err = io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err == nil {
			l.count(string(body), response.StatusCode, started)
			return
		}
	}
	if ctx.Err() == nil { // what the end of the measurement cuts off is no failure
		l.fail(err, started)
	}
}

func (l *loader) count(body string, status int, started time.Time) {
	version, _, _ := strings.Cut(strings.TrimSpace(body), " ")
	took := time.Since(started)
	l.mu.Lock()
	defer l.mu.Unlock()
	add(l.summary.Answers, version, status)
	if in := l.spanAt(started); in != nil {
		add(in.Answers, version, status)
		if status >= 500 {
			in.Failed++
		}
	}
	l.latencies = append(l.latencies, float64(took.Microseconds())/1000)
	l.summary.Requests++
}

func add(answers map[string]map[string]int, version string, status int) {
	if answers[version] == nil {
		answers[version] = map[string]int{}
	}
	answers[version][strconv.Itoa(status)]++
}

func (l *loader) fail(err error, started time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.summary.Failures[err.Error()]++
	l.summary.Requests++
	if in := l.spanAt(started); in != nil {
		in.Failed++
	}
}

func (l *loader) spanAt(started time.Time) *span {
	if l.every <= 0 {
		return nil
	}
	at := started.UnixMilli() / l.every.Milliseconds() * l.every.Milliseconds()
	if l.spans[at] == nil {
		l.spans[at] = &span{AtMs: at, Answers: map[string]map[string]int{}}
	}
	return l.spans[at]
}

func (l *loader) finish(took time.Duration) {
	l.summary.Seconds = took.Seconds()
	l.summary.LatencyMs = map[string]float64{}
	for _, at := range slices.Sorted(maps.Keys(l.spans)) {
		l.summary.Spans = append(l.summary.Spans, l.spans[at])
	}
	if len(l.latencies) == 0 {
		return
	}
	slices.Sort(l.latencies)
	for name, share := range map[string]float64{"p50": .5, "p90": .9, "p99": .99, "max": 1} {
		l.summary.LatencyMs[name] = l.latencies[int(share*float64(len(l.latencies)-1))]
	}
}
