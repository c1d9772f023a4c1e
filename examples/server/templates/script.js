'use strict'

// Shows the rows of the inbox again when they have changed. The server renders them.
const status = document.getElementById('status')
const deliveries = document.getElementById('deliveries')
if (status?.matches('[data-live]')) {
  const source = new EventSource(`/live${location.search}`)
  source.onopen = () => (status.textContent = '')
  source.onerror = () => (status.textContent = 'Not connected. Reload the page to see new deliveries.')
  source.onmessage = (event) => {
    const rows = document.createElement('tbody')
    rows.innerHTML = event.data
    // The first update often changes nothing, and replacing a row would interrupt a click on it.
    if (rows.innerHTML.trim() === deliveries.innerHTML.trim()) return
    const focused = document.activeElement
    const selector = focused.closest('tr') && `#${focused.closest('tr').id} a[href="${CSS.escape(focused.getAttribute('href'))}"]`
    deliveries.replaceChildren(...rows.childNodes)
    if (selector) document.querySelector(selector)?.focus()
  }
}
