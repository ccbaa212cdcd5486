// Package command holds the commands that Latchkey adds to Caddy's: init, migrate, explain, doctor, healthcheck, sessions, tokens, keys, sign-ins and
// signals.
//
// They ask the admin API of a running server, or read a configuration that is not running. They change something only
// on an explicit command, and print no secret that opens a session.
//
// The files:
//
//   - init.go is `latchkey init`, with package firstfile;
//   - migrate.go is `latchkey migrate`, with package migrate; migrate_import.go reads the files that a Caddyfile imports;
//   - explain.go and explain_flags.go are `latchkey explain`, impact.go its --impact;
//   - doctor.go is `latchkey doctor`; doctor_bearer.go, doctor_token.go, doctor_binding.go, doctor_checks.go, doctor_lint.go, doctor_metadata.go,
//     doctor_signals.go and doctor_sites.go are its checks;
//   - signals.go and signals_stream.go are `latchkey signals`, signals_dryrun.go its `test`;
//   - healthcheck.go is `latchkey healthcheck`;
//   - sessions.go, tokens.go, keys.go, signins.go and signins_table.go are the other commands.
package command
