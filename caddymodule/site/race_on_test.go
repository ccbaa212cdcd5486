//go:build race

package site

// lostByPools is how many allocations a pool that forgets costs a request.
const lostByPools = 2
