extension SIPRequest {
    /// Checks what every request must have (RFC 3261 section 8.1.1), before any transaction is made for it.
    ///
    /// From may lack its tag, Via its branch and Max-Forwards may be absent (RFC 2543 clients). What a method or an
    /// extension demands, an unknown scheme and Max-Forwards 0 are for the layers above. The first fault is thrown; a
    /// 400 is the answer unless `isAnswerable` is false. Who needs the fields too calls `read()` instead.
    package func validate() throws(SIPParseError) {
        if fields == nil { _ = try RequestFields(of: self) }
    }
}
