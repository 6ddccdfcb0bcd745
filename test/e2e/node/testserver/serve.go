// The application. Its environment:
//
//	VERSION      answered as the first word of each body and as X-Version; default v0
//	PORT         default 8080
//	ERROR_RATE   share of requests answered with 500, 0 to 1
//	LATENCY      added to each answer, for example 20ms
//	WORK         CPU time that each answer costs, for example 2ms
//	READY_AFTER  until then /readyz answers 503
//	CRASH_AFTER  the program ends with code 1 so long after its start
//	DRAIN        how long it serves on after SIGTERM; default 2s
//
// GET / answers "VERSION POD". POST /set?error_rate=0.5&latency=80ms&ready=false changes a running one; POST /crash ends it.
// GET /metrics has http_requests_total and http_request_duration_seconds with status and version.
package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"
)

type app struct {
	version, pod string
	measured     *measured

	mu        sync.Mutex
	errorRate float64
	latency   time.Duration
	work      time.Duration
	ready     bool
}

func serve() error {
	a := &app{version: env("VERSION", "v0"), pod: env("HOSTNAME", "?"), measured: newMeasured()}
	a.errorRate, _ = strconv.ParseFloat(env("ERROR_RATE", "0"), 64)
	a.latency = duration("LATENCY", 0)
	a.work = duration("WORK", 0)
	time.AfterFunc(duration("READY_AFTER", 0), func() { a.setReady(true) })
	if after := duration("CRASH_AFTER", 0); after > 0 {
		time.AfterFunc(after, crash)
	}
	server := &http.Server{Addr: ":" + env("PORT", "8080"), Handler: a.routes()}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		asked := make(chan os.Signal, 1)
		signal.Notify(asked, syscall.SIGTERM, syscall.SIGINT)
		<-asked
		a.setReady(false)
		time.Sleep(duration("DRAIN", 2*time.Second)) // the proxies need a moment to see that the endpoint goes
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
	}()
	fmt.Printf("version %s listens on %s\n", a.version, server.Addr)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	<-drained
	return nil
}

func (a *app) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", a.answer)
	mux.Handle("GET /metrics", a.measured)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if !a.ready {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("POST /set", a.set)
	mux.HandleFunc("POST /crash", func(http.ResponseWriter, *http.Request) { crash() })
	return mux
}

func (a *app) answer(w http.ResponseWriter, _ *http.Request) {
	started := time.Now()
	a.mu.Lock()
	errorRate, latency, work := a.errorRate, a.latency, a.work
	a.mu.Unlock()
	status := http.StatusOK
	if rand.Float64() < errorRate {
		status = http.StatusInternalServerError
	}
	time.Sleep(latency)
	burn(work)
	w.Header().Set("X-Version", a.version)
	w.WriteHeader(status)
	fmt.Fprintf(w, "%s %s\n", a.version, a.pod)
	a.measured.add(labels(status, a.version), time.Since(started))
}

func (a *app) set(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if rate, err := strconv.ParseFloat(r.FormValue("error_rate"), 64); err == nil {
		a.errorRate = rate
	}
	if latency, err := time.ParseDuration(r.FormValue("latency")); err == nil {
		a.latency = latency
	}
	if ready, err := strconv.ParseBool(r.FormValue("ready")); err == nil {
		a.ready = ready
	}
}

func (a *app) setReady(ready bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ready = ready
}

func crash() {
	fmt.Println("crashes, as told")
	os.Exit(1)
}

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func duration(name string, otherwise time.Duration) time.Duration {
	if value, err := time.ParseDuration(os.Getenv(name)); err == nil {
		return value
	}
	return otherwise
}
