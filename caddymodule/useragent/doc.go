// Package useragent reads what a client says about itself: the operating system that it claims to run on, whether it
// behaves like a browser, and the kind of device.
//
// Nothing that comes out of it proves anything (semantics P7, A14): a client says what it likes. It is good for rules
// that block, and for rules that ask something more of everybody they meet; a rule that lets somebody past because of
// it is no rule. So what is not plainly one of the known systems is unknown, which is none of them: a request that
// says nothing, contradicts itself, or names something else.
//
// It looks at headers only, decides nothing about people, and what it does at each request costs no
// allocation.
package useragent
