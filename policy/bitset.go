package policy

// bitset is a set of small numbers, of a fixed size.
type bitset []uint64

func newBitset(size int) bitset { return make(bitset, (size+63)/64) }

// newBitsets returns so many of one size, at most four, in one piece of memory.
func newBitsets(count, size int) (of [4]bitset) {
	all, each := newBitset(count*roundUp(size)), roundUp(size)/64
	for i := range count {
		of[i] = all[i*each : (i+1)*each : (i+1)*each]
	}
	return of
}

func roundUp(size int) int { return (size + 63) &^ 63 }

func (b bitset) set(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bitset) unset(i int)    { b[i/64] &^= 1 << (i % 64) }
func (b bitset) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }

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
