import Envelope
import Testing

@Suite struct TimestampTests {
    @Test(
        arguments: [
            (0, 0, "1970-01-01T00:00:00Z"), (-1, 999_999_999, "1969-12-31T23:59:59.999999999Z"),
            (1_651_633_321, 123_456_789, "2022-05-04T03:02:01.123456789Z"),
            (1_651_633_321, 120_000_000, "2022-05-04T03:02:01.12Z"), (1_651_633_321, 1, "2022-05-04T03:02:01.000000001Z"),
            (951_782_400, 0, "2000-02-29T00:00:00Z"), (4_107_542_400, 0, "2100-03-01T00:00:00Z"),
            (-62_135_596_800, 0, "0001-01-01T00:00:00Z"),
            (253_402_300_799, 999_999_999, "9999-12-31T23:59:59.999999999Z"),
        ] as [(Int64, Int32, String)])
    func timesPrintAndParseAsInRFC3339(seconds: Int64, nanoseconds: Int32, text: String) {
        let time = Timestamp(seconds: seconds, nanoseconds: nanoseconds)
        #expect(time.description == text)
        #expect(Timestamp(text) == time)
    }

    @Test func everyDayOfFourHundredYearsComesBack() {
        for day in Int64(-80_000)..<80_000 {
            let time = Timestamp(seconds: day * 86_400 + 3661, nanoseconds: 0)
            #expect(Timestamp(time.description) == time)
        }
    }

    @Test(
        arguments: [
            ("2022-05-04T05:02:01+02:00", 1_651_633_321, 0), ("2022-05-03T21:32:01.5-05:30", 1_651_633_321, 500_000_000),
            ("2022-05-04T03:02:01.1234567899Z", 1_651_633_321, 123_456_789), ("2022-05-04T03:02:01.0Z", 1_651_633_321, 0),
        ] as [(String, Int64, Int32)])
    func offsetsAndLongFractionsAreRead(text: String, seconds: Int64, nanoseconds: Int32) {
        #expect(Timestamp(text) == Timestamp(seconds: seconds, nanoseconds: nanoseconds))
    }

    @Test(arguments: [
        "", "2022-05-04", "2022-05-04T03:02:01", "2022-05-04 03:02:01Z", "2022-05-04t03:02:01z", "2022-13-04T03:02:01Z",
        "2022-00-04T03:02:01Z", "2022-02-29T03:02:01Z", "2100-02-29T03:02:01Z", "2022-05-00T03:02:01Z", "2022-05-04T24:00:00Z",
        "2022-05-04T03:60:00Z", "2022-05-04T03:02:60Z", "2022-05-04T03:02:01.Z", "2022-05-04T03:02:01+0200",
        "2022-05-04T03:02:01+24:00",
        "2022-05-04T03:02:01Z ", "0000-05-04T03:02:01Z", "0001-01-01T00:00:00+00:01", "22-05-04T03:02:01Z",
        "2022-05-04T03:02:01é",
    ])
    func whatIsNotRFC3339IsRefused(text: String) {
        #expect(Timestamp(text) == nil)
    }
}
