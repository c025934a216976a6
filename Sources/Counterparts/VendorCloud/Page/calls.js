// Call data (F-C6): they pass through the servers and are kept here, in this browser's IndexedDB, and nowhere else.
const columns = ['CallDataId', 'startDate', 'length', 'externalName', 'externalPhoneNumber', 'msn', 'userNumber', 'userName', 'connectedUserNumber',
  'connectedUserName', 'groupNumber', 'groupName', 'cost', 'costFactor', 'direction', 'callType', 'success'];
const searched = ['externalName', 'externalPhoneNumber', 'msn', 'userNumber', 'userName', 'connectedUserNumber', 'connectedUserName', 'groupNumber', 'groupName'];

function promise(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** The calls that one user of this browser keeps: a database for each account, so that no other account sees them. */
export class CallStore {
  static async open(account) {
    const request = indexedDB.open('calls-' + account, 1);
    request.onupgradeneeded = () => request.result.createObjectStore('calls', { keyPath: ['serial', 'order'] });
    const store = new CallStore();
    store.database = await promise(request);
    store.database.onversionchange = () => store.database.close();
    return store;
  }

  range(serial) { return IDBKeyRange.bound([serial, ''], [serial, '\uffff']); }

  /** Kept once, however often it comes. Numbers of 64 bits are text; with leading zeros they sort as numbers. */
  async put(serial, records) {
    const transaction = this.database.transaction('calls', 'readwrite', { durability: 'strict' });
    const calls = transaction.objectStore('calls');
    for (const record of records) calls.put({ serial, order: record.CallDataId.padStart(20, '0'), record });
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = transaction.onerror = () => reject(transaction.error);
    });
  }

  /** Where the stream goes on; '0' when nothing is kept. */
  async cursor(serial) {
    const request = this.database.transaction('calls').objectStore('calls').openKeyCursor(this.range(serial), 'prev');
    const found = await promise(request);
    return found ? found.key[1].replace(/^0+(?=\d)/, '') : '0';
  }

  /** Newest first. */
  async all(serial) {
    const kept = await promise(this.database.transaction('calls').objectStore('calls').getAll(this.range(serial)));
    return kept.map(each => each.record).reverse();
  }

  async clear(serial) { await promise(this.database.transaction('calls', 'readwrite').objectStore('calls').delete(this.range(serial))); }
}

/** Those that a search finds: each word somewhere in a number or a name, the direction, the days (local time, both included). */
export function search(records, { text = '', direction = '', from = '', to = '' }) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const begin = from ? new Date(from + 'T00:00:00').getTime() : -Infinity;
  const end = to ? new Date(to + 'T23:59:59.999').getTime() : Infinity;
  return records.filter(record => {
    if (direction && record.direction !== direction) return false;
    const time = new Date(record.startDate).getTime();
    if (time < begin || time > end) return false;
    const all = searched.map(name => record[name]).join('\n').toLowerCase();
    return words.every(word => all.includes(word));
  });
}

/** RFC 4180, with a byte order mark for the programs that need one. A name comes from whoever calls: what a spreadsheet would
    calculate gets an apostrophe. */
export function table(records) {
  const cell = value => {
    let text = String(value ?? '').replace(/[\r\n]+/g, ' ');
    if (/^[=+\-@\t]/.test(text) && !/^[\d+\-.]*$/.test(text)) text = "'" + text;
    return /[",]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
  };
  return '\ufeff' + [columns, ...records.map(record => columns.map(name => record[name]))].map(line => line.map(cell).join(',') + '\r\n').join('');
}

/** Gives the user a file of text without a server. */
export function download(name, text) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/csv;charset=utf-8' }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
