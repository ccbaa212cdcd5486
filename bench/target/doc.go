// Package target is what Latchkey promises about its cost: what is owed, what would be better still, and how a run prints both
// beside what it measured. Ratios within a run are promised, never times. Everything that measures a promise names it here.
package target
