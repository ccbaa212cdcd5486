//go:build !race

package site

const lostByPools = 0
