package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// tick is the unit of the figures in /proc/stat; Linux reports 100 a second on every architecture that Go runs on.
const tick = time.Second / 100

// A Process is a server that was started for the run.
type Process struct {
	cmd   *exec.Cmd
	out   bytes.Buffer
	ended chan struct{} // closed when it has ended, as how says
	how   error
}

// Start runs a program, on the given core if it is not negative, and waits until address takes connections.
func Start(ctx context.Context, core int, address string, env []string, name string, args ...string) (*Process, error) {
	p := &Process{cmd: exec.Command(name, args...), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := OnCore(core, p.cmd.Start); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	go func() { p.how = p.cmd.Wait(); close(p.ended) }()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		if conn, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			return p, conn.Close()
		}
		select {
		case <-p.ended:
			return nil, fmt.Errorf("%s ended at once: %w\n%s", name, p.how, p.out.String())
		case <-deadline.C:
			return nil, errors.Join(fmt.Errorf("%s does not listen on %s", name, address), p.Stop())
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), p.Stop())
		case <-poll.C:
		}
	}
}

// Stop ends the process, by force if it does not go by itself. One that has ended stays so.
func (p *Process) Stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	force := time.AfterFunc(10*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer force.Stop()
	<-p.ended
	return nil
}

// CPU is the user and system time that the process has used, all threads together.
func (p *Process) CPU() (time.Duration, error) { return CPUOf(p.cmd.Process.Pid) }

// RSS is the memory of the process that is in use: what stands in the machine's memory, shared pages included.
func (p *Process) RSS() (int64, error) {
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(statm))
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/%d/statm: %q", p.cmd.Process.Pid, statm)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// CPUOf reads a process's own clock, to the nanosecond: the ticks of /proc are too coarse for a turn. Its number is what
// clock_getcpuclockid(3) makes of a process, for scheduled time.
func CPUOf(pid int) (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|2), &t); err != nil {
		return 0, fmt.Errorf("reading the CPU clock of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}

// MachineCPU is the time that the machine's cores were busy or taken away by the host, with everything on it.
func MachineCPU() (time.Duration, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(stat), "\n")
	var busy int64
	for i, field := range strings.Fields(line)[1:] {
		const idle, iowait, guest = 3, 4, 8
		if i == idle || i == iowait || i >= guest {
			continue
		}
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		busy += n
	}
	return time.Duration(busy) * tick, nil
}

// OnCore runs f with the calling thread bound to one core, so that a process started by f lives there.
func OnCore(core int, f func() error) error {
	if core < 0 {
		return f()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, there unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	there.Set(core)
	if err := unix.SchedSetaffinity(0, &there); err != nil {
		return err
	}
	return errors.Join(f(), unix.SchedSetaffinity(0, &before))
}

// Split picks a core for the gateways and moves this process to the others. It returns -1 if there is only one.
func Split() (int, error) {
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return -1, err
	}
	if all.Count() < 2 {
		return -1, nil
	}
	core := 0
	for !all.IsSet(core) {
		core++
	}
	all.Clear(core)
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return -1, err
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			return -1, err
		}
		if err := unix.SchedSetaffinity(id, &all); err != nil && !errors.Is(err, unix.ESRCH) {
			return -1, err
		}
	}
	return core, nil
}

// GiveWay makes all other processes of the same user go before this one on a core that they share: the lowest priority that
// its policy has.
func GiveWay() error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			return err
		}
		attr, err := unix.SchedGetAttr(id, 0)
		if err == nil {
			if attr.Policy == unix.SCHED_FIFO || attr.Policy == unix.SCHED_RR {
				attr.Priority = max(1, attr.Priority-1)
			} else {
				attr.Nice = 19
			}
			err = unix.SchedSetAttr(id, attr, 0)
		}
		if err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("giving way: %w", err)
		}
	}
	return nil
}

// Machine says in one line what this runs on.
func Machine() string {
	model := "unknown processor"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	var name unix.Utsname
	kernel := "unknown kernel"
	if err := unix.Uname(&name); err == nil {
		kernel = "Linux " + unix.ByteSliceToString(name.Release[:])
	}
	return fmt.Sprintf("%d × %s, %s, %s", runtime.NumCPU(), model, kernel, runtime.Version())
}
