// Package apptest makes configurations for tests: provisioned as `validate` does, with sessions in memory, and an admin
// endpoint that has Latchkey's routes alone. Nothing else imports it.
package apptest
