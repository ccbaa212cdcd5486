package policy

// bitset is a set of small numbers, of a fixed size.
type bitset []uint64

func newBitset(size int) bitset { return make(bitset, words(size)) }

// words returns how many words a bitset of a size needs.
func words(size int) int { return (size + 63) / 64 }

func (b bitset) set(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bitset) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }

func (b bitset) setAll(list []int) {
	for _, i := range list {
		b.set(i)
	}
}

func (b bitset) add(c bitset) {
	for i := range b {
		b[i] |= c[i]
	}
}

func (b bitset) subtract(c bitset) {
	for i := range b {
		b[i] &^= c[i]
	}
}
