package useragent

import "strings"

// Form returns the kind of device that a User-Agent names, so that users recognise their own devices: computer, phone
// or tablet; empty if it is unknown. No decision depends on it.
func Form(agent string) string {
	agent = agent[:min(len(agent), maxSize)]
	_, comment, _ := strings.Cut(agent, "(")
	comment, _, _ = strings.Cut(comment, ")")
	form := ""
	for part := range strings.SplitSeq(comment, ";") {
		name, _, _ := strings.Cut(strings.TrimSpace(part), " ")
		switch name {
		case "iPhone", "iPod":
			return "phone"
		case "iPad":
			return "tablet"
		case "Android": // it also says Linux, before Android
			if strings.Contains(agent, " Mobile") {
				return "phone"
			}
			return "tablet"
		case "Windows", "Macintosh", "Linux", "CrOS", "FreeBSD", "OpenBSD":
			form = "computer"
		}
	}
	return form
}
