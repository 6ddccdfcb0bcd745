// Work: CPU time of the kernel's own count, so that a busy machine makes it neither more nor less.
package main

import (
	"runtime"
	"syscall"
	"time"
)

const rusageThread = 1 // Linux

func burn(work time.Duration) {
	if work <= 0 {
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for end := cpuTime() + work; cpuTime() < end; {
		sum := 0
		for i := range 10_000 {
			sum += i * i
		}
		runtime.KeepAlive(sum)
	}
}

// Of this thread.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(rusageThread, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
