// Package ratelimit bounds how often one client may do what costs us something, by its address and in a memory of fixed
// size: however many addresses a flood comes from, the table neither grows nor is swept. It knows no HTTP.
package ratelimit
