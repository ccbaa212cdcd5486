package deflate

import (
	"math/bits"
	"slices"
)

// code is a prefix code. A symbol of length 0 does not occur.
type code struct {
	lengths [288]uint8
	bits    [288]uint16

	// What follows is memory for build.
	ranked []uint32
	weight [2 * literals]uint32
	parent [2 * literals]uint16
}

// symbolBits is how many bits of a ranked symbol are the symbol. Above them is how often it occurs.
const symbolBits = 9

// build makes the shortest code for symbols that occur so often, with no more bits than most (nearly the shortest if
// that is exceeded).
func (c *code) build(often []uint32, most int) {
	clear(c.lengths[:])
	c.ranked = c.ranked[:0]
	for symbol, n := range often {
		if n > 0 {
			c.ranked = append(c.ranked, n<<symbolBits|uint32(symbol)) //nolint:gosec // an index
		}
	}
	switch len(c.ranked) {
	case 0:
		c.lengths[0] = 1 // a code has a symbol
	case 1:
		c.lengths[c.ranked[0]&(1<<symbolBits-1)] = 1
	default:
		slices.Sort(c.ranked)
		c.assign(c.depths(most))
	}
	c.number()
}

// depths returns how many symbols have each length, in the tree that joins the two rarest again and again.
func (c *code) depths(most int) (of [32]int) {
	n := len(c.ranked)
	for i, r := range c.ranked {
		c.weight[i] = r >> symbolBits
	}
	leaf, inner := 0, n // the rarest that has no parent yet, of the symbols and of the joined ones
	for made := n; made < 2*n-1; made++ {
		sum := uint32(0)
		for range 2 {
			rarest := inner
			if leaf < n && (inner == made || c.weight[leaf] <= c.weight[inner]) {
				rarest = leaf
				leaf++
			} else {
				inner++
			}
			sum += c.weight[rarest]
			c.parent[rarest] = uint16(made) //nolint:gosec // an index
		}
		c.weight[made] = sum
	}
	depth := &c.weight // of a node, which is no longer needed by its weight
	depth[2*n-2] = 0
	for i := 2*n - 3; i >= 0; i-- {
		depth[i] = depth[c.parent[i]] + 1
		if i < n {
			of[min(int(depth[i]), most)]++
		}
	}
	return shallow(of, most)
}

// shallow repairs a tree in which symbols were moved up to the greatest depth, where there is no room for all: it moves
// others down until there is.
func shallow(of [32]int, most int) [32]int {
	room := 1 << most
	for depth := 1; depth <= most; depth++ {
		room -= of[depth] << (most - depth)
	}
	for ; room < 0; room++ {
		// One symbol of the greatest depth goes beside one that moves down by one.
		depth := most - 1
		for of[depth] == 0 {
			depth--
		}
		of[depth]--
		of[depth+1] += 2
		of[most]--
	}
	return of
}

// assign gives the longest codes to the rarest symbols.
func (c *code) assign(of [32]int) {
	next := 0
	for depth := len(of) - 1; depth > 0; depth-- {
		for range of[depth] {
			c.lengths[c.ranked[next]&(1<<symbolBits-1)] = uint8(depth) //nolint:gosec // at most 15
			next++
		}
	}
}

// number numbers the codes of each length in the order of their symbols (RFC 1951, section 3.2.2).
func (c *code) number() {
	var of, next [17]uint16
	for _, length := range c.lengths {
		of[length]++
	}
	of[0] = 0
	for length := 1; length < len(next); length++ {
		next[length] = (next[length-1] + of[length-1]) << 1
	}
	for symbol, length := range c.lengths {
		if length > 0 {
			c.bits[symbol] = bits.Reverse16(next[length]) >> (16 - length)
			next[length]++
		}
	}
}

// size returns how many bits symbols take that occur so often.
func (c *code) size(often []uint32) (n int) {
	for symbol, times := range often {
		n += int(times) * int(c.lengths[symbol])
	}
	return n
}

// The codes of a block that describes none (RFC 1951, section 3.2.6).
var (
	fixedLiterals = fixed(288, func(symbol int) uint8 {
		return [...]uint8{8, 9, 7, 8}[min(symbol/144, 1)+min(symbol/256, 1)+symbol/280]
	})
	fixedDistances = fixed(distances, func(int) uint8 { return 5 })
)

func fixed(symbols int, length func(int) uint8) *code {
	c := new(code)
	for symbol := range symbols {
		c.lengths[symbol] = length(symbol)
	}
	c.number()
	return c
}

// A step describes the lengths of some symbols: a length, or a repetition with the number of bits that say how often.
type step struct {
	symbol uint8
	extra  uint8
}

// The symbols of steps beside lengths from 0 to 15 (RFC 1951, section 3.2.7).
const (
	same          = 16 // the last length, 3 to 6 times
	someZeros     = 17 // 3 to 10 times
	manyZeros     = 18 // 11 to 138 times
	lengthSymbols = 19
)

var (
	extraOfStep = [lengthSymbols]uint{same: 2, someZeros: 3, manyZeros: 7}
	stepOrder   = [lengthSymbols]int{same, someZeros, manyZeros, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
)

// used returns the lengths up to the last symbol that occurs, and at least so many.
func (c *code) used(least, most int) []uint8 {
	n := most
	for n > least && c.lengths[n-1] == 0 {
		n--
	}
	return c.lengths[:n]
}

// describe prepares the description of both codes, and returns how many bits it takes.
func (b *block) describe() (size int) {
	b.steps = b.steps[:0]
	b.stepThrough(b.code.literals.used(257, literals))
	b.stepThrough(b.code.distances.used(1, distances))
	b.often.lengths = [lengthSymbols]uint32{}
	for _, s := range b.steps {
		b.often.lengths[s.symbol]++
		size += int(extraOfStep[s.symbol]) //nolint:gosec // at most 7
	}
	b.code.lengths.build(b.often.lengths[:], 7)
	return size + 14 + 3*b.described() + b.code.lengths.size(b.often.lengths[:])
}

// described returns how many symbols of steps the block describes.
func (b *block) described() int {
	n := lengthSymbols
	for n > 4 && b.code.lengths.lengths[stepOrder[n-1]] == 0 {
		n--
	}
	return n
}

func (b *block) stepThrough(lengths []uint8) {
	for len(lengths) > 0 {
		length, n := lengths[0], 1
		for n < len(lengths) && lengths[n] == length {
			n++
		}
		lengths = lengths[n:]
		if length > 0 {
			b.steps = append(b.steps, step{symbol: length})
			n--
		}
		for n > 0 {
			switch {
			case n < 3:
				b.steps = append(b.steps, step{symbol: length})
				n--
			case length > 0:
				b.steps = append(b.steps, step{same, uint8(min(n, 6) - 3)}) //nolint:gosec // at most 3
				n -= min(n, 6)
			case n <= 10:
				b.steps = append(b.steps, step{someZeros, uint8(n - 3)}) //nolint:gosec // at most 7
				n = 0
			default:
				b.steps = append(b.steps, step{manyZeros, uint8(min(n, 138) - 11)}) //nolint:gosec // at most 127
				n -= min(n, 138)
			}
		}
	}
}

// writeCode writes what describe has prepared.
func (b *block) writeCode() {
	described := b.described()
	b.bits(uint32(len(b.code.literals.used(257, literals))-257), 5)
	b.bits(uint32(len(b.code.distances.used(1, distances))-1), 5)
	b.bits(uint32(described-4), 4) //nolint:gosec // at least 4
	for _, symbol := range stepOrder[:described] {
		b.bits(uint32(b.code.lengths.lengths[symbol]), 3)
	}
	for _, s := range b.steps {
		b.symbol(&b.code.lengths, int(s.symbol))
		b.bits(uint32(s.extra), extraOfStep[s.symbol])
	}
}
