// A command to be run in a pod: it says what it is told to, and ends so.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
)

func tell(args []string) (int, error) {
	flags := flag.NewFlagSet("tell", flag.ExitOnError)
	out := flags.String("out", "", "written to stdout")
	err := flags.String("err", "", "written to stderr")
	echo := flags.Bool("echo", false, "copy stdin to stdout until its end")
	terminal := flags.Bool("terminal", false, "say whether stdout is a terminal")
	wait := flags.Duration("wait", 0, "time before the end")
	code := flags.Int("exit", exitCode(), "exit code; default: $EXIT_CODE, else 0")
	_ = flags.Parse(args)
	fmt.Fprint(os.Stdout, *out)
	fmt.Fprint(os.Stderr, *err)
	if *echo {
		if _, failed := io.Copy(os.Stdout, os.Stdin); failed != nil {
			return 0, failed
		}
	}
	if *terminal {
		about, failed := os.Stdout.Stat()
		if failed != nil {
			return 0, failed
		}
		fmt.Printf("terminal: %t", about.Mode()&os.ModeCharDevice != 0)
	}
	time.Sleep(*wait)
	return *code, nil
}

// What a version says of itself.
func exitCode() int {
	code, _ := strconv.Atoi(os.Getenv("EXIT_CODE"))
	return code
}
