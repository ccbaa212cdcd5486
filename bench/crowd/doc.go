// Package crowd sends requests of many users at random times, and measures how long they wait.
package crowd
