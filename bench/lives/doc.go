// Package lives compares what cases cost, so that two runs agree within the errors that they print. Two things make a
// measurement differ from the truth:
//
//   - The machine's speed drifts, as other machines on the same host work. So turns are short, and each is compared with turns
//     of the baseline before and after it, which saw the same drift.
//   - A process has luck, such as which pages of memory share a part of the cache, that it keeps for as long as it lives. More
//     turns do not show it. So the processes are started again a few times, from a copy of their program. One life of all
//     of them gives one ratio, and the error is computed from how far these differ.
//
// Where things are:
//
//   - life.go: one life, its turns and what they say about a case
//   - lives.go: several, the estimate of all of them
//   - order.go: the order of the turns
//
// The error is half of the 95 % interval (Student's t): of a hundred runs the truth lies within it in about 95. No turn is left out.
package lives
