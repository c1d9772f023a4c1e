'use strict'

// Adds new deliveries to the inbox, and replaces what has changed. The server renders both.
const deliveries = document.getElementById('deliveries')
const status = document.getElementById('status')
const MAX_ROWS = 200

function update(html) {
  const template = document.createElement('template')
  template.innerHTML = html
  const element = template.content.firstElementChild
  const shown = document.getElementById(element.id)
  if (shown) {
    shown.replaceWith(element)
  } else if (element.matches('tr')) {
    document.getElementById('empty')?.remove()
    deliveries.prepend(element)
    while (deliveries.rows.length > MAX_ROWS) deliveries.lastElementChild.remove()
  }
}

if (status?.dataset.last) {
  const url = new URL(`/live${location.search}`, location)
  url.searchParams.set('after', status.dataset.last)
  const source = new EventSource(url)
  source.onmessage = (event) => update(event.data)
  source.onopen = () => (status.textContent = '')
  source.onerror = () => (status.textContent = 'Not connected. Reload the page for new deliveries.')
}

for (const button of document.querySelectorAll('button[data-copy]')) {
  button.hidden = !navigator.clipboard
  button.onclick = async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent)
    button.textContent = 'Copied'
  }
}
