// Which Markdown files are pages of the site, at which address, and in which order. docs/README.md is the only list: a page stands
// there, or in the page of its folder (docs/providers.md lists docs/providers/).
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')
export const index = 'docs/README.md'
export const forge = 'https://github.com/latchkey-gateway/latchkey'

// outside are the pages that do not lie in docs/.
const outside = { 'README.md': 'overview.md', 'CHANGELOG.md': 'changelog.md', 'CONTRIBUTING.md': 'contributing.md', 'SECURITY.md': 'security.md' }

export function read(file) {
	return fs.readFileSync(path.join(root, file), 'utf8')
}

// pages maps the path of each source in the repository to its path in the site.
export const pages = { ...outside }
for (const name of fs.readdirSync(path.join(root, 'docs'), { recursive: true }).sort()) {
	const file = name.split(path.sep).join('/')
	if (file.endsWith('.md')) pages['docs/' + file] = 'docs/' + file === index ? 'index.md' : file
}

// resolve returns the path in the repository of a link in a source.
export function resolve(source, target) {
	return path.posix.normalize(path.posix.join(path.posix.dirname(source), target))
}

const item = /^- \[([^\]]+)\]\(([^)#]+)\)/
const anyLink = /\[([^\]]+)\]\(([^)#:]+\.md)\)/g

// below lists the pages in the folder of a page, in the order in which that page names them first.
function below(source) {
	const folder = source.replace(/\.md$/, '/')
	const found = new Map()
	for (const [, text, target] of read(source).matchAll(anyLink)) {
		const to = resolve(source, target)
		if (to.startsWith(folder) && !found.has(to)) found.set(to, { text, link: '/' + pages[to] })
	}
	return found
}

// sidebar reads docs/README.md: a heading is a group, an item of a list a page. A page that no list names is an error.
export function sidebar() {
	const groups = []
	const listed = new Set([index])
	for (const line of read(index).split('\n')) {
		if (line.startsWith('## ')) groups.push({ text: line.slice(3), items: [] })
		const found = line.match(item)
		if (!found) continue
		const source = resolve(index, found[2])
		if (!pages[source]) throw new Error(`${index}: ${found[2]} is no page`)
		const entry = { text: found[1], link: '/' + pages[source] }
		listed.add(source)
		const children = below(source)
		for (const child of children.keys()) listed.add(child)
		if (children.size > 0) Object.assign(entry, { items: [...children.values()], collapsed: true })
		groups.at(-1).items.push(entry)
	}
	const missing = Object.keys(pages).filter((source) => !listed.has(source))
	if (missing.length > 0) throw new Error(`${index} does not list ${missing.join(', ')}`)
	return groups
}

// changed returns the day of the last commit that changed each page, as far as there is a history.
export function changed() {
	const days = {}
	let log = ''
	try {
		log = execFileSync('git', ['log', '--format=@%cs', '--name-only', '--', 'docs', ...Object.keys(outside)], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 })
	} catch {
		return days
	}
	let day = ''
	for (const line of log.split('\n')) {
		if (line.startsWith('@')) day = line.slice(1)
		else if (pages[line]) days[line] ??= day
	}
	return days
}
