// Checks the site that was built: each link inside leads to a file and to an id in it, nothing is loaded from elsewhere, and no
// page has a script of its own.
import fs from 'node:fs'
import path from 'node:path'
import { pages as sources } from './.vitepress/pages.js'

const dist = path.resolve(process.argv[2] ?? '.vitepress/dist')
const base = process.env.SITE_BASE ?? '/'
const tag = /<([a-z][a-z0-9]*)((?:\s+[^\s=>]+(?:="[^"]*")?)*)\s*\/?>/g
const attribute = /\s([a-z:-]+)="([^"]*)"/g

const files = fs.readdirSync(dist, { recursive: true }).map((name) => name.split(path.sep).join('/'))
const pages = new Map()
const faults = []
for (const name of files.filter((name) => name.endsWith('.html'))) {
	const html = fs.readFileSync(path.join(dist, name), 'utf8')
	if (/<script(?![^>]*\ssrc=)/.test(html)) faults.push(`${name}: a script in the page`)
	if (!html.includes('http-equiv="Content-Security-Policy"')) faults.push(`${name}: no policy`)
	const page = { ids: new Set(), links: [] }
	for (const [, element, rest] of html.matchAll(tag)) {
		for (const [, key, value] of rest.matchAll(attribute)) {
			const text = value.replaceAll('&amp;', '&').replaceAll('&quot;', '"')
			if (key === 'id') page.ids.add(text)
			if (key === 'href' || key === 'src') page.links.push([element, text])
		}
	}
	pages.set(name, page)
}

let links = 0
for (const [name, page] of pages) {
	for (const [element, link] of page.links) {
		if (/^[a-z][a-z0-9+.-]*:|^\/\//i.test(link)) {
			if (element !== 'a') faults.push(`${name}: ${element} loads ${link}`)
			continue
		}
		links++
		const [to, fragment] = link.split('#')
		let file = name
		if (to.startsWith('/')) {
			if (!to.startsWith(base)) faults.push(`${name}: ${link} is outside of ${base}`)
			file = decodeURIComponent(to.slice(base.length)) || 'index.html'
		} else if (to !== '') {
			file = path.posix.join(path.posix.dirname(name), decodeURIComponent(to))
		}
		if (!files.includes(file) && files.includes(file + '.html')) file += '.html'
		if (!files.includes(file)) faults.push(`${name}: ${link} is not there`)
		else if (fragment && pages.has(file) && !pages.get(file).ids.has(decodeURIComponent(fragment))) faults.push(`${name}: ${link} has no such heading`)
	}
}
const expected = Object.keys(sources).length + 1 // and 404.html
if (pages.size !== expected || links < 50 * expected) faults.push(`${pages.size} pages of ${expected}, ${links} links`)
for (const fault of faults) console.error(fault)
console.log(`${pages.size} pages, ${links} links inside, ${faults.length} faults`)
process.exit(faults.length > 0 ? 1 : 0)
