package useragent

import "strings"

// Form tells what kind of device a User-Agent names, for people to recognise one of theirs by: computer, phone or tablet;
// empty where it does not say. Nothing is decided by it.
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
		case "Android": // which says Linux before
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
