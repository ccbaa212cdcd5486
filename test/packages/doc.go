// Package packages tries the packages as their users do: in a clean Debian that dpkg installs the deb in, and in one that boots
// with systemd, with a real provider and a real browser. The rpm is tried with rpm in a Debian without Debian's own helpers.
//
// The image is tried in the compose file that is shipped, by `make compose-test`, with podman and docker-compose.
//
// It needs root, mmdebstrap and systemd-nspawn, and minutes; so its tests are built with the tag `packages` alone, and
// `make packages-test` runs them in a network namespace of their own. No other test of the repository does.
//
// The files:
//
//   - debian_test.go is a Debian in a folder, with or without systemd running in it, and how packages get into it;
//   - dpkg_test.go is what dpkg does to files, rights and users: install, upgrade, remove, purge;
//   - compose_test.go is the compose file with podman, from a sign-in to another container of the gateway;
//   - rpm_test.go is what rpm does to files, rights, users and the service: install, upgrade, remove;
//   - service_test.go is the service under systemd: reload, a broken Caddyfile, an upgrade with one, its limits;
//   - dayone_test.go is the way of a new user from the deb to a session that outlives a crash and an upgrade.
package packages
