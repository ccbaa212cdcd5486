// Package rig is what every measurement stands on: it starts real processes, keeps them on a core of their own, fills their
// stores, loads them, and reads what that costs. A measurement opens a Rig, starts what it needs, and closes it:
//
//	r, err := rig.Open(rig.Options{Binary: "./latchkey", Redis: "redis-server", GOGC: "100", Pin: true}, os.Stderr)
//	redis, err := r.StartRedis(ctx)
//	people, _, err := r.RedisWith(ctx, redis, 1000, rig.Renewable)
//	g, err := r.Gateway(ctx, rig.Setup{Name: "strict", InRedis: true, Recheck: "0"}, redis, "")
//	r.Use(g, people)
//	turn, err := g.Turn(ctx, rig.AtOnce, 2*time.Second)
//
// Where things are:
//
//   - rig.go: the Rig, its directory, what ends with it; agreed.go: names and keys that all parts agree on
//   - process_linux.go: a process on a core, its CPU clock and memory; process_other.go says that other systems lack these
//   - gateway.go: a gateway of a Setup, or of any Caddyfile; setup.go: the Caddyfile of a Setup
//   - redis.go: a Redis, the store on it, what it keeps; cluster.go: several as a Redis Cluster; calls.go: which commands it was asked
//   - app.go: the app behind all gateways; provider.go: the OpenID provider
//   - people.go: sessions in bulk; bound.go, device.go: those that are bound to a device; programs.go: tokens of programs
//   - load.go: requests of all sessions in turn; requests.go: as a browser or a program sends them; paced.go: so many a second;
//     browser.go: a sign-in
//   - usage.go: the CPU that some work costs; memory.go: the memory; profile.go: where both go
//   - stats.go: ratios and their errors; printer.go: how they are printed
//
// Ratios travel from machine to machine, microseconds do not. So cases that are compared take short turns in one run; package
// lives compares them. Linux only, as it reads the clocks of other processes.
package rig
