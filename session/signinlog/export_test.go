package signinlog

// ScanAtMost lets an answer look at fewer entries.
func (l *Log) ScanAtMost(n int) { l.maxScan = n }
