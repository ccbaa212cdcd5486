package signinlog

// ScanAtMost lets an answer look at fewer entries.
func (l *Log) ScanAtMost(n int) { l.maxScan = n }

// ShareAtMost sets how many records a day one person or address may have. It is called before the first Write.
func (l *Log) ShareAtMost(n int) { l.shares.each = n }
