// Package browser handles the protocol between browser and gateway: names and attributes of the cookies, the kind of a
// request and its source page, the validation of return targets, and the tokens of forms.
//
// It is the only place that validates a return target, and the only one that writes Location headers and cookies. It
// knows net/http. Its callers know the meaning of a cookie's value, and who is signed in.
package browser
