// Package guess measures how much slower the requests of users are while wrong tokens arrive in numbers.
package guess
